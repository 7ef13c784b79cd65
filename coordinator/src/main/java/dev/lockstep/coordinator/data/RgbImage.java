package dev.lockstep.coordinator.data;

/** An image of 8-bit red, green and blue, interleaved, row by row from the top left. Not copied: who makes one gives it away. */
final class RgbImage {
    static final int CHANNELS = 3;

    private final int width;
    private final int height;
    private final byte[] values;

    RgbImage(int width, int height, byte[] values) {
        if (values.length != width * height * CHANNELS) {
            throw new IllegalArgumentException("%d bytes for %d x %d pixels".formatted(values.length, width, height));
        }
        this.width = width;
        this.height = height;
        this.values = values;
    }

    int width() {
        return width;
    }

    int height() {
        return height;
    }

    /** The value at an index, 0 to 255. */
    int value(int index) {
        return values[index] & 0xFF;
    }
}
