"""What makes an answer right: one module per lesson, with cases, probes and known mistakes."""
