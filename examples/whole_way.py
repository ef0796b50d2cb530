"""The whole way in ten lines: a short training on three tasks, then everything up to the report."""

import sys

from spiking_bimt import convert, export, place, report, simulate, train, verify

run = sys.argv[1] if len(sys.argv) > 1 else "whole_way"
train(run, config="quick", tasks=("go", "anti", "dlygo"))
converted = convert(run)
placed = place(run, chip="grid16")
simulate(run)
export(run, formats=("tiles",))
checked = verify(f"{run}/tiles.h5")
print("accuracy:", {name: round(value, 2) for name, value in converted["accuracy"].items()})
print("cores:", placed["cores"], "equal:", checked["equal"])
print(report(run)["report"])
