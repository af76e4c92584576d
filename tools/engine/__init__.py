"""TensorRT engines, built where they will run: by an init job, never by the pod that serves."""
