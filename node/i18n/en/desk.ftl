### The desk: refusals of single lines.
