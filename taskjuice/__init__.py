"""The project: settings, routes, gateway, processes and the demo."""
