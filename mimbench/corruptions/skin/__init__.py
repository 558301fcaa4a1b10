"""What happens to photos of skin: camera, light, hair, text, messaging."""
