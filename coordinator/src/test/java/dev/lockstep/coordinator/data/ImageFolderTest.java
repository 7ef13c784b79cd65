package dev.lockstep.coordinator.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.coordinator.data.ImageFolder.Sample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageFolderTest {
    private static final int CLASSES = 2;

    @TempDir
    private Path folder;

    @Test
    void shouldNumberClassesByNameAndTakeImagesAtAnyDepth() throws IOException {
        touch("dog/b.PNG");
        touch("dog/a/deep.jpeg");
        touch("dog/notes.txt");
        touch("cat/z.JPG");
        touch("stray.jpg");
        ImageFolder list = ImageFolder.list(folder, CLASSES);
        assertEquals(List.of("cat", "dog"), list.classes());
        assertEquals(
                List.of(
                        new Sample(folder.resolve("cat/z.JPG"), 0),
                        new Sample(folder.resolve("dog/a/deep.jpeg"), 1),
                        new Sample(folder.resolve("dog/b.PNG"), 1)),
                list.samples());
    }

    @Test
    void shouldAcceptFewerClassesThanTheModelHas() throws IOException {
        touch("only/a.jpg");
        assertEquals(1, ImageFolder.list(folder, CLASSES).samples().size());
    }

    @Test
    void shouldRefuseMoreClassesThanTheModelHas() throws IOException {
        touch("a/1.jpg");
        touch("b/1.jpg");
        touch("c/1.jpg");
        assertRefused(folder, "has 3 classes, the model 2: give --classes 3");
    }

    @Test
    void shouldRefuseWhatIsNoFolderOfClasses() throws IOException {
        assertRefused(folder.resolve("missing"), "does not exist");
        touch("file.jpg");
        assertRefused(folder.resolve("file.jpg"), "is not a folder");
        assertRefused(folder, "has no sub-folders");
    }

    @Test
    void shouldNameAClassWithoutImages() throws IOException {
        touch("a/1.jpg");
        touch("b/readme.txt");
        assertRefused(folder, folder.resolve("b") + " has no .jpg, .jpeg or .png");
    }

    private void touch(String file) throws IOException {
        Path path = folder.resolve(file);
        Files.createDirectories(path.getParent());
        Files.createFile(path);
    }

    private static void assertRefused(Path path, String reason) {
        LockstepException refusal = assertThrows(LockstepException.class, () -> ImageFolder.list(path, CLASSES));
        assertEquals(FailureCategory.DATA, refusal.failure().category());
        assertTrue(refusal.getMessage().contains(reason), refusal.getMessage());
        assertTrue(refusal.getMessage().contains(path.toString()), refusal.getMessage());
    }
}
