"""The report: figures, numbers and the page that holds them."""
