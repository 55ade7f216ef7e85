"""Read contact files and phone numbers. A library without the app: bytes in, contacts and invalid cells out."""
