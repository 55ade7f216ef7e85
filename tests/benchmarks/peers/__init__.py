"""What people would use instead, each as its own documentation has it, on a plain table of the same batches."""
