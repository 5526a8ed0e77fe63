"""The demo CRM: fourteen months of a tool-repair and rental network, made up for one day."""

from demo.crm.load import READER, READER_PASSWORD, NotADemoDatabaseError, load_demo

__all__ = ["READER", "READER_PASSWORD", "NotADemoDatabaseError", "load_demo"]
