package dev.lockstep.common.plan;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
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

    /**
     * The constant of {@code type} with this label.
     *
     * @param what names the kind of thing, as in {@code precision}
     * @throws LockstepException of usage if there is none; the message names those that there are
     */
    static <E extends Enum<E> & Labelled> E require(Class<E> type, String what, String label) {
        return find(type, label)
                .orElseThrow(() -> new LockstepException(
                        FailureCategory.USAGE,
                        "unknown %s '%s': it is one of %s".formatted(what, label, labels(type))));
    }

    /**
     * The constants of {@code type} with these labels, in their order.
     *
     * @param what names the option that lists them, as in {@code precision}
     * @throws LockstepException of usage if there is none for one of them, or one is named twice
     */
    static <E extends Enum<E> & Labelled> List<E> requireAll(Class<E> type, String what, List<String> labels) {
        Set<E> constants = EnumSet.noneOf(type);
        return labels.stream()
                .map(label -> {
                    E constant = require(type, what, label);
                    if (!constants.add(constant)) {
                        throw new LockstepException(
                                FailureCategory.USAGE, "--%s names %s twice".formatted(what, label));
                    }
                    return constant;
                })
                .toList();
    }

    /** All labels of {@code type}, joined for a message. */
    static <E extends Enum<E> & Labelled> String labels(Class<E> type) {
        return Arrays.stream(type.getEnumConstants()).map(Labelled::label).collect(Collectors.joining(", "));
    }
}
