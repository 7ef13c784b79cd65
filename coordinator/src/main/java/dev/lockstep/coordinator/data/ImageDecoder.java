package dev.lockstep.coordinator.data;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.ComponentSampleModel;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Iterator;
import javax.imageio.ImageIO;
import javax.imageio.ImageReadParam;
import javax.imageio.ImageReader;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.stream.FileImageInputStream;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * Decodes JPEG and PNG files to RGB as Pillow's {@code convert("RGB")} does: grey is repeated, a palette is looked up, alpha is
 * dropped, colour profiles and EXIF orientation are ignored. One difference: of 16-bit grey it keeps the upper byte, where Pillow
 * clips.
 */
final class ImageDecoder {
    private static final long MOST_PIXELS = 100_000_000;

    private static final int INKS = 4;

    private ImageDecoder() {}

    /**
     * Decodes a whole file.
     *
     * @throws LockstepException (data) if it is broken; the message names it
     */
    static RgbImage decode(Path file) {
        return read(file, new MemoryCacheImageInputStream(new ByteArrayInputStream(bytes(file))), reader -> {
            requireDecodable(reader);
            reader.addIIOReadWarningListener((source, warning) -> {
                // Other oddities, such as bytes between markers, Pillow passes over too.
                if (warning.startsWith("Truncated")) {
                    throw new TruncatedException(warning);
                }
            });
            ImageReadParam parameters = reader.getDefaultReadParam();
            parameters.setDestinationType(unconverted(reader));
            return toRgb(reader.read(0, parameters));
        });
    }

    /**
     * Reads no more than a file's beginning.
     *
     * @throws LockstepException (data) if that is not the beginning of an image that {@link #decode} can decode; the message
     *     names it
     */
    static void checkHeader(Path file) {
        try {
            read(file, new FileImageInputStream(file.toFile()), reader -> {
                requireDecodable(reader);
                return null;
            });
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private interface Reading<T> {
        T apply(ImageReader reader) throws IOException;
    }

    private static <T> T read(Path file, ImageInputStream input, Reading<T> reading) {
        try (ImageInputStream stream = input) {
            Iterator<ImageReader> readers = ImageIO.getImageReaders(stream);
            if (!readers.hasNext()) {
                throw broken(file, "it is neither a JPEG nor a PNG", null);
            }
            ImageReader reader = readers.next();
            try {
                reader.setInput(stream, true, true);
                return reading.apply(reader);
            } finally {
                reader.dispose();
            }
        } catch (IOException | RuntimeException e) {
            // The readers answer broken files with runtime exceptions of many kinds too.
            throw e instanceof LockstepException known ? known : broken(file, reason(e), e);
        }
    }

    private static void requireDecodable(ImageReader reader) throws IOException {
        long pixels = (long) reader.getWidth(0) * reader.getHeight(0);
        if (pixels > MOST_PIXELS) {
            throw new IOException("its %d pixels are more than %d".formatted(pixels, MOST_PIXELS));
        }
        if (!reader.getImageTypes(0).hasNext()) {
            throw new IOException("its colours are neither RGB nor grey, convert it to RGB");
        }
    }

    /** Of the forms that a reader offers, the one whose values are the file's own: with a profile, that is not the first. */
    private static ImageTypeSpecifier unconverted(ImageReader reader) throws IOException {
        Iterator<ImageTypeSpecifier> types = reader.getImageTypes(0);
        ImageTypeSpecifier first = types.next();
        while (types.hasNext()) {
            ImageTypeSpecifier type = types.next();
            if (type.getNumBands() == RgbImage.CHANNELS
                    && first.getNumBands() == RgbImage.CHANNELS
                    && !type.getColorModel().getColorSpace().isCS_sRGB()) {
                return type;
            }
        }
        return first;
    }

    private static RgbImage toRgb(BufferedImage image) {
        int width = image.getWidth();
        int height = image.getHeight();
        byte[] rgb = new byte[width * height * RgbImage.CHANNELS];
        if (image.getColorModel() instanceof IndexColorModel palette) {
            lookUp(image.getRaster(), palette, rgb);
        } else if (image.getColorModel().getColorSpace().getType() == ColorSpace.TYPE_CMYK) {
            mix(image.getRaster(), rgb);
        } else if (image.getSampleModel() instanceof ComponentSampleModel
                && image.getRaster().getTransferType() == DataBuffer.TYPE_BYTE) {
            copyBytes(image.getRaster(), rgb);
        } else {
            scaleSamples(image.getRaster(), image.getColorModel(), rgb);
        }
        return new RgbImage(width, height, rgb);
    }

    private static void lookUp(Raster raster, IndexColorModel palette, byte[] rgb) {
        int width = raster.getWidth();
        int[] row = new int[width];
        for (int y = 0; y < raster.getHeight(); y++) {
            raster.getSamples(0, y, width, 1, 0, row);
            for (int x = 0; x < width; x++) {
                int target = (y * width + x) * RgbImage.CHANNELS;
                rgb[target] = (byte) palette.getRed(row[x]);
                rgb[target + 1] = (byte) palette.getGreen(row[x]);
                rgb[target + 2] = (byte) palette.getBlue(row[x]);
            }
        }
    }

    /** Four inks to red, green and blue without a profile: a colour's light is what its ink and black let through. */
    private static void mix(Raster raster, byte[] rgb) {
        int width = raster.getWidth();
        int[] row = new int[width * INKS];
        for (int y = 0; y < raster.getHeight(); y++) {
            raster.getPixels(0, y, width, 1, row);
            for (int x = 0; x < width; x++) {
                int light = 255 - row[x * INKS + INKS - 1];
                for (int channel = 0; channel < RgbImage.CHANNELS; channel++) {
                    int product = row[x * INKS + channel] * light + 128;
                    int absorbed = (product + (product >> 8)) >> 8; // product / 255, rounded
                    rgb[(y * width + x) * RgbImage.CHANNELS + channel] = (byte) (light - absorbed);
                }
            }
        }
    }

    private static void copyBytes(Raster raster, byte[] rgb) {
        int width = raster.getWidth();
        int bands = raster.getNumBands();
        byte[] row = new byte[width * bands];
        for (int y = 0; y < raster.getHeight(); y++) {
            raster.getDataElements(0, y, width, 1, row);
            for (int x = 0; x < width; x++) {
                for (int channel = 0; channel < RgbImage.CHANNELS; channel++) {
                    rgb[(y * width + x) * RgbImage.CHANNELS + channel] = row[x * bands + band(channel, bands)];
                }
            }
        }
    }

    private static void scaleSamples(Raster raster, ColorModel colors, byte[] rgb) {
        int width = raster.getWidth();
        int bands = raster.getNumBands();
        int bits = colors.getComponentSize(0);
        int most = (1 << bits) - 1;
        int[] row = new int[width * bands];
        for (int y = 0; y < raster.getHeight(); y++) {
            raster.getPixels(0, y, width, 1, row);
            for (int x = 0; x < width; x++) {
                for (int channel = 0; channel < RgbImage.CHANNELS; channel++) {
                    int sample = row[x * bands + band(channel, bands)];
                    int value = bits > Byte.SIZE ? sample >> (bits - Byte.SIZE) : sample * 255 / most;
                    rgb[(y * width + x) * RgbImage.CHANNELS + channel] = (byte) value;
                }
            }
        }
    }

    /** Red, green and blue come first; one or two bands are grey, with or without alpha. */
    private static int band(int channel, int bands) {
        return bands < RgbImage.CHANNELS ? 0 : channel;
    }

    private static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private static String reason(Exception e) {
        String message = e.getMessage();
        return message == null || message.isBlank() ? e.getClass().getSimpleName() : message.replace('\n', ' ');
    }

    private static LockstepException broken(Path file, String reason, Exception cause) {
        return new LockstepException(
                FailureCategory.DATA,
                "the image %s cannot be decoded (%s): repair it or take it out".formatted(file, reason),
                cause);
    }

    /** The failure of a file that is there but cannot be read. */
    static LockstepException unreadable(Path file, IOException cause) {
        return new LockstepException(
                FailureCategory.DATA,
                "the image %s cannot be read (%s): check its permissions".formatted(file, cause),
                cause);
    }

    /** Thrown from within a reader, which goes on after a warning otherwise. */
    private static final class TruncatedException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        TruncatedException(String message) {
            super(message);
        }
    }
}
