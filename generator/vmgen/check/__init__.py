"""CHECK: rules look at a merged environment and say what the platform would accept in silence and fail on later."""
