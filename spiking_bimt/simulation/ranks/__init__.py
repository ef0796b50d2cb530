"""One network over many processes: its ranks, each with neurons of its own, by MPI (mpi4py)."""
