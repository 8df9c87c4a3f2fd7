"""The panel: Qt widgets and the Qt-free state that they show."""
