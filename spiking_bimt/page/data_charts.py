"""What the page says and shows of a run on a data set, where one on tasks has its tasks."""

from functools import partial

from spiking_bimt.page.material import Material
from spiking_bimt.page.page import Chart
from spiking_bimt.plot.picture import draw_axes
from spiking_bimt.plot.score_figures import confusion, network_names

CORRECT = {
    "task": "A trial is correct when fixation was held until the go signal and the response at the "
    "end is the right one. Every network is scored on the same trials.",
    "sequence": "A sequence is correct when the mean of the outputs over its steps (or the last "
    "one, where training asked for that) is largest for its class. Every network is scored on the "
    "same test sequences.",
    "steps": "The accuracy is the share of steps at which the largest output is that of the right "
    "class. Every network is scored on the same test sequences.",
    "regression": "The score, R\u00b2, is the share of the targets' variance that the outputs "
    "explain: 1 for equal ones, 0 for those that are no better than the mean. Every network is "
    "scored on the same test sequences.",
}
"""What counts as right, by the kind of answer."""


def errors(material: Material) -> Chart:
    """Which classes the network on the chip confuses, or its errors in the units of the data."""
    measured = material.network.measured or {}
    details = measured.get("details", {})
    name = next((key for key in ("quantised", "spiking", "rate") if key in details), None)
    if name is None:
        return Chart("Answers", hint="The run's files hold no scores: `convert` measures them.")
    found, network = details[name], network_names(material.network)[name]
    if "confusion" in found:
        classes, counts = found["classes"], found["confusion"]
        wrong = sum(map(sum, counts)) - sum(row[k] for k, row in enumerate(counts))
        return Chart(
            "Which class is taken for which",
            draw_axes(5.4, 4.6, partial(confusion, found)),
            f"Confusion matrix of {len(classes)} classes, {network} network.",
            f"Test data, {network} network: {wrong:,} of {sum(map(sum, counts)):,} answers are "
            "wrong. Rows are the right classes.",
        )
    rows = [
        f"{network_names(material.network)[key]}: sMAPE {values['smape']:.3g} %, mean squared "
        f"error {values['mse']:.4g}"
        for key, values in details.items()
    ]
    return Chart("Errors in the units of the data", hint="; ".join(rows) + ".")
