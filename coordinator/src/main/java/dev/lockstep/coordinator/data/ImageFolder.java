package dev.lockstep.coordinator.data;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * A folder of photographs as torchvision's {@code ImageFolder} reads it: each sub-folder is a class, numbered in the order of
 * their names, and holds its images at any depth.
 *
 * @param classes names, at their numbers
 * @param samples class by class, in the order of their paths
 */
record ImageFolder(List<String> classes, List<Sample> samples) {
    private static final List<String> EXTENSIONS = List.of(".jpg", ".jpeg", ".png");

    ImageFolder {
        classes = List.copyOf(classes);
        samples = List.copyOf(samples);
    }

    /** An image and the number of its class. */
    record Sample(Path file, int label) {}

    /**
     * Lists a folder.
     *
     * @param mostClasses outputs of the model
     * @throws LockstepException (data) if it is no folder that can be read, a class has no image, or there are more classes than
     *     outputs
     */
    static ImageFolder list(Path folder, int mostClasses) {
        if (!Files.exists(folder)) {
            throw failure("the image folder %s does not exist".formatted(folder));
        }
        if (!Files.isDirectory(folder)) {
            throw failure("%s is not a folder: name the one whose sub-folders are the classes".formatted(folder));
        }
        try {
            return list(folder, subfolders(folder), mostClasses);
        } catch (IOException | UncheckedIOException e) {
            throw new LockstepException(
                    FailureCategory.DATA,
                    "the image folder %s cannot be read (%s): check its permissions".formatted(folder, reason(e)),
                    e);
        }
    }

    private static ImageFolder list(Path folder, List<Path> subfolders, int mostClasses) throws IOException {
        if (subfolders.isEmpty()) {
            throw failure("the image folder %s has no sub-folders: put each class's images into one of its own"
                    .formatted(folder));
        }
        if (subfolders.size() > mostClasses) {
            throw failure("the image folder %s has %d classes, the model %d: give --classes %d"
                    .formatted(folder, subfolders.size(), mostClasses, subfolders.size()));
        }
        List<String> classes = new ArrayList<>();
        List<Sample> samples = new ArrayList<>();
        for (Path subfolder : subfolders) {
            List<Path> images = images(subfolder);
            if (images.isEmpty()) {
                throw failure(
                        "the class folder %s has no .jpg, .jpeg or .png: fill it or remove it".formatted(subfolder));
            }
            int label = classes.size();
            images.forEach(image -> samples.add(new Sample(image, label)));
            classes.add(subfolder.getFileName().toString());
        }
        return new ImageFolder(classes, samples);
    }

    private static List<Path> subfolders(Path folder) throws IOException {
        try (Stream<Path> entries = Files.list(folder)) {
            return entries.filter(Files::isDirectory).sorted().toList();
        }
    }

    private static List<Path> images(Path subfolder) throws IOException {
        try (Stream<Path> files = Files.walk(subfolder, FileVisitOption.FOLLOW_LINKS)) {
            return files.filter(ImageFolder::isImage)
                    .filter(Files::isRegularFile)
                    .sorted()
                    .toList();
        }
    }

    private static boolean isImage(Path file) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        return EXTENSIONS.stream().anyMatch(name::endsWith);
    }

    private static Exception reason(Exception e) {
        return e instanceof UncheckedIOException unchecked ? unchecked.getCause() : e;
    }

    private static LockstepException failure(String message) {
        return new LockstepException(FailureCategory.DATA, message);
    }
}
