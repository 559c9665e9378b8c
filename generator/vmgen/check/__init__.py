"""CHECK: rules find mistakes in a merged environment that the platform would accept silently and fail on later."""
