"""The whole stack: started, watched over and stopped."""
