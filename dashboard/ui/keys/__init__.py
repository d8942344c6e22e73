"""The keys of each place, as data: one table in dashboard.ui.bindings."""
