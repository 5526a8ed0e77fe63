"""The demo: an embedded CRM database, its data, and a stand-in for Telegram."""
