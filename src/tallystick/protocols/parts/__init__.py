"""The parts that presets are composed of: train, judge, share, protect, mask."""
