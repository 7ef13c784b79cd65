package dev.lockstep.coordinator.data;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import javax.imageio.ImageIO;

/** Makes image files for tests. */
final class ImageFiles {
    private ImageFiles() {}

    /** A picture of one colour, in the form that the file's name says. */
    static Path write(Path file, int rgb) throws IOException {
        BufferedImage image = new BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB);
        int[] pixels = new int[40 * 30];
        Arrays.fill(pixels, rgb);
        image.setRGB(0, 0, 40, 30, pixels, 0, 40);
        Files.createDirectories(file.getParent());
        String name = file.toString().toLowerCase(Locale.ROOT);
        ImageIO.write(image, name.endsWith(".png") ? "png" : "jpg", file.toFile());
        return file;
    }

    /** Cuts a file's end off. */
    static Path truncate(Path file, int lostBytes) throws IOException {
        byte[] bytes = Files.readAllBytes(file);
        return Files.write(file, Arrays.copyOf(bytes, bytes.length - lostBytes));
    }
}
