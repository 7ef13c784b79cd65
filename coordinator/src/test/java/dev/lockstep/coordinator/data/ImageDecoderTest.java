package dev.lockstep.coordinator.data;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class ImageDecoderTest {
    @TempDir
    private Path folder;

    @Test
    void shouldReadAJpegToWithinItsCompression() throws IOException {
        RgbImage image = ImageDecoder.decode(ImageFiles.write(folder.resolve("a.jpg"), 0xC86432));
        assertEquals(40, image.width());
        assertEquals(30, image.height());
        assertEquals(200, image.value(0), 3);
        assertEquals(100, image.value(1), 3);
        assertEquals(50, image.value(2), 3);
    }

    @Test
    void shouldGoByTheContentNotTheExtension() throws IOException {
        Path png = ImageFiles.write(folder.resolve("a.png"), 0x123456);
        Path renamed = Files.move(png, folder.resolve("a.jpg"));
        assertEquals(0x34, ImageDecoder.decode(renamed).value(1));
    }

    @Test
    void shouldKeepTheUpperByteOfSixteenBitGrey() throws IOException {
        BufferedImage image = new BufferedImage(2, 1, BufferedImage.TYPE_USHORT_GRAY);
        image.getRaster().setSample(1, 0, 0, 0xABCD);
        Path file = folder.resolve("deep.png");
        ImageIO.write(image, "png", file.toFile());
        RgbImage decoded = ImageDecoder.decode(file);
        assertEquals(0, decoded.value(0));
        assertEquals(0xAB, decoded.value(3));
        assertEquals(0xAB, decoded.value(5));
    }

    @Test
    void shouldNameATruncatedJpeg() throws IOException {
        Path withoutEnd = ImageFiles.truncate(ImageFiles.write(folder.resolve("end.jpg"), 0x123456), 2);
        Path half = ImageFiles.truncate(ImageFiles.write(folder.resolve("half.jpg"), 0x123456), 40);
        assertRefused(withoutEnd, () -> ImageDecoder.decode(withoutEnd));
        assertRefused(half, () -> ImageDecoder.decode(half));
        assertDoesNotThrow(() -> ImageDecoder.checkHeader(withoutEnd), "its header is whole");
    }

    @Test
    void shouldNameATruncatedPng() throws IOException {
        Path file = ImageFiles.truncate(ImageFiles.write(folder.resolve("half.png"), 0x123456), 30);
        assertRefused(file, () -> ImageDecoder.decode(file));
    }

    @Test
    void shouldNameWhatIsNoImage() throws IOException {
        Path text = Files.writeString(folder.resolve("text.jpg"), "not an image");
        Path empty = Files.createFile(folder.resolve("empty.png"));
        for (Path file : new Path[] {text, empty}) {
            assertRefused(file, () -> ImageDecoder.decode(file));
            assertRefused(file, () -> ImageDecoder.checkHeader(file));
        }
    }

    @Test
    void shouldNameAFileThatIsGone() {
        Path file = folder.resolve("gone.jpg");
        assertRefused(file, () -> ImageDecoder.decode(file));
        assertRefused(file, () -> ImageDecoder.checkHeader(file));
    }

    private static void assertRefused(Path file, Executable reading) {
        LockstepException refusal = assertThrows(LockstepException.class, reading);
        assertEquals(FailureCategory.DATA, refusal.failure().category());
        assertTrue(refusal.getMessage().contains(file.toString()), refusal.getMessage());
        assertEquals(1, refusal.getMessage().lines().count());
    }
}
