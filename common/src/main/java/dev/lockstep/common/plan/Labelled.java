package dev.lockstep.common.plan;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/** A constant that people write and read by a label: on the command line, in plan files and in reports. */
public interface Labelled {
    /** The name as users write it, for example {@code data-parallel}. */
    String label();

    /** The constant of {@code type} with this label, if there is one. */
    static <E extends Enum<E> & Labelled> Optional<E> find(Class<E> type, String label) {
        return Arrays.stream(type.getEnumConstants())
                .filter(constant -> constant.label().equals(label))
                .findFirst();
    }

    /** All labels of {@code type}, joined for a message. */
    static <E extends Enum<E> & Labelled> String labels(Class<E> type) {
        return Arrays.stream(type.getEnumConstants()).map(Labelled::label).collect(Collectors.joining(", "));
    }
}
