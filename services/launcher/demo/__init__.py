"""Sample news served as real feeds, and sinks for what is sent: what `codegrey up --demo` runs on."""

from services.launcher.demo.run import DemoEndpoints, running_demo

__all__ = ["DemoEndpoints", "running_demo"]
