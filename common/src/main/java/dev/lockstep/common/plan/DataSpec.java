package dev.lockstep.common.plan;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.nio.file.Path;

/** Where a run's batches come from. */
public sealed interface DataSpec {
    /** Prefix of the image folder's spelling. */
    String IMAGE_FOLDER_PREFIX = "imagefolder:";
    /** Prefix of the tensor file's spelling. */
    String TENSORS_PREFIX = "tensors:";

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

    /** One fixed batch for all steps: a safetensors file with {@code inputs} F32 [N, 3, H, W] and {@code labels} I64 [N]. */
    record Tensors(Path file) implements DataSpec {
        @Override
        public String spelling() {
            return TENSORS_PREFIX + file;
        }
    }

    /** How users write it: {@code synthetic}, {@code imagefolder:DIR} or {@code tensors:FILE}. */
    @JsonValue
    String spelling();

    /**
     * Reads a spelling.
     *
     * @throws IllegalArgumentException if it is none of the forms; the message says what is accepted
     */
    @JsonCreator
    static DataSpec parse(String spelling) {
        if (spelling.equals("synthetic")) {
            return new Synthetic();
        }
        if (spelling.startsWith(IMAGE_FOLDER_PREFIX) && spelling.length() > IMAGE_FOLDER_PREFIX.length()) {
            return new ImageFolder(Path.of(spelling.substring(IMAGE_FOLDER_PREFIX.length())));
        }
        if (spelling.startsWith(TENSORS_PREFIX) && spelling.length() > TENSORS_PREFIX.length()) {
            return new Tensors(Path.of(spelling.substring(TENSORS_PREFIX.length())));
        }
        throw new IllegalArgumentException("'" + spelling + "' is none of synthetic, imagefolder:DIR and tensors:FILE");
    }
}
