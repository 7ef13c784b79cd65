package dev.lockstep.coordinator.data;

import java.nio.FloatBuffer;

/**
 * What torchvision does to an ImageNet photograph for evaluation, to the bit: the shorter side is resized to 256/224 of the
 * input's size, the centre is cropped, and each channel is normalised by ImageNet's mean and standard deviation.
 */
final class EvaluationTransform {
    private static final double RESIZE_OVER_CROP = 256.0 / 224.0;
    private static final float[] MEAN = {0.485f, 0.456f, 0.406f};
    private static final float[] STANDARD_DEVIATION = {0.229f, 0.224f, 0.225f};

    private final InputLayout layout;
    private final float[][] normalised = new float[RgbImage.CHANNELS][256];

    EvaluationTransform(InputLayout layout) {
        this.layout = layout;
        for (int channel = 0; channel < RgbImage.CHANNELS; channel++) {
            for (int value = 0; value < 256; value++) {
                normalised[channel][value] = (value / 255f - MEAN[channel]) / STANDARD_DEVIATION[channel];
            }
        }
    }

    /** Resizes and crops to the input's size. Only the part of the image that ends up in the crop is computed. */
    RgbImage crop(RgbImage image) {
        int crop = layout.imageSize();
        int shorter = (int) Math.round(crop * RESIZE_OVER_CROP);
        boolean upright = image.width() <= image.height();
        int longer = (int)
                ((long) shorter * Math.max(image.width(), image.height()) / Math.min(image.width(), image.height()));
        int width = upright ? shorter : longer;
        int height = upright ? longer : shorter;
        BilinearFilter columns = BilinearFilter.of(image.width(), width, start(width, crop), crop);
        BilinearFilter rows = BilinearFilter.of(image.height(), height, start(height, crop), crop);
        return resample(image, columns, rows);
    }

    /** Writes a crop, normalised, at the buffer's position, and moves that on. */
    void normalise(RgbImage crop, FloatBuffer target) {
        float[] image = new float[layout.sampleFloats()];
        for (int pixel = 0; pixel < layout.pixels(); pixel++) {
            for (int channel = 0; channel < RgbImage.CHANNELS; channel++) {
                int value = crop.value(pixel * RgbImage.CHANNELS + channel);
                image[layout.index(channel, pixel)] = normalised[channel][value];
            }
        }
        target.put(image);
    }

    /** First pixel of the centre; a half is rounded to even, as Python does. */
    private static int start(int size, int crop) {
        return (int) Math.rint((size - crop) / 2.0);
    }

    /** Columns first, then rows, rounding to 8 bits between them, as Pillow does. */
    private static RgbImage resample(RgbImage image, BilinearFilter columns, BilinearFilter rows) {
        int firstRow = rows.firstNeeded();
        int neededRows = rows.endNeeded() - firstRow;
        int rowStride = columns.length() * RgbImage.CHANNELS;
        byte[] narrowed = new byte[neededRows * rowStride];
        for (int y = 0; y < neededRows; y++) {
            int origin = (firstRow + y) * image.width() * RgbImage.CHANNELS;
            for (int x = 0; x < columns.length(); x++) {
                for (int channel = 0; channel < RgbImage.CHANNELS; channel++) {
                    narrowed[y * rowStride + x * RgbImage.CHANNELS + channel] =
                            (byte) columns.value(image, x, origin + channel, RgbImage.CHANNELS);
                }
            }
        }
        RgbImage narrow = new RgbImage(columns.length(), neededRows, narrowed);
        byte[] resampled = new byte[rows.length() * rowStride];
        for (int y = 0; y < rows.length(); y++) {
            for (int i = 0; i < rowStride; i++) {
                resampled[y * rowStride + i] = (byte) rows.value(narrow, y, i - firstRow * rowStride, rowStride);
            }
        }
        return new RgbImage(columns.length(), rows.length(), resampled);
    }
}
