package dev.lockstep.coordinator.settings;

import java.util.List;

/** JVM options that every process of a cluster needs. */
public final class JavaOptions {
    /** From here on the JVM prints warnings about what Akka, Agrona and JNA do. */
    private static final int WARNS_OF_UNSAFE_AND_NATIVE_ACCESS = 24;

    private JavaOptions() {}

    /** Options for this JVM's version, the same that starts the others. */
    public static List<String> forThisVersion() {
        return Runtime.version().feature() < WARNS_OF_UNSAFE_AND_NATIVE_ACCESS
                ? List.of()
                : List.of("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED");
    }
}
