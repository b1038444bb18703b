"""Pure rules of the platform: no I/O, no clock, nothing from third parties."""
