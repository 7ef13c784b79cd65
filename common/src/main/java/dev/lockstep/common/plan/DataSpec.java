package dev.lockstep.common.plan;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.nio.file.Path;

/** Where a run's batches come from. */
public sealed interface DataSpec {
    /** Prefix of the image folder's spelling. */
    String IMAGE_FOLDER_PREFIX = "imagefolder:";

    /** Random images and labels, made once before the first step. */
    record Synthetic() implements DataSpec {
        @Override
        public String spelling() {
            return "synthetic";
        }
    }

    /** Photographs, one sub-folder a class. */
    record ImageFolder(Path folder) implements DataSpec {
        @Override
        public String spelling() {
            return IMAGE_FOLDER_PREFIX + folder;
        }
    }

    /** How users write it: {@code synthetic} or {@code imagefolder:DIR}. */
    @JsonValue
    String spelling();

    /**
     * Reads a spelling.
     *
     * @throws IllegalArgumentException if it is neither form; the message says what is accepted
     */
    @JsonCreator
    static DataSpec parse(String spelling) {
        if (spelling.equals("synthetic")) {
            return new Synthetic();
        }
        if (spelling.startsWith(IMAGE_FOLDER_PREFIX) && spelling.length() > IMAGE_FOLDER_PREFIX.length()) {
            return new ImageFolder(Path.of(spelling.substring(IMAGE_FOLDER_PREFIX.length())));
        }
        throw new IllegalArgumentException("'" + spelling + "' is neither synthetic nor imagefolder:DIR");
    }
}
