"""Writers and readers of the formats that other toolchains use."""
