"""What people see: Qt Widgets. Views talk to services only, and start them off the window's thread."""
