"""From a request to a configuration: parts, settings, the experiment."""
