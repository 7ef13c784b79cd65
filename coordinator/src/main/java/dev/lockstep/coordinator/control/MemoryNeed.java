package dev.lockstep.coordinator.control;

import java.util.Locale;

/**
 * What a measurement's replicas need of the memory and what there is, as far as known.
 *
 * @param neededMiB an estimate for all of them and their segment; null where the platform does not tell
 * @param availableMiB what they may use together; null where that was not found out
 * @param totalMiB the machine's
 */
record MemoryNeed(Double neededMiB, Double availableMiB, Double totalMiB) {
    /** For a sentence: {@code about 6220 MiB needed, 6219 MiB available of 8000 MiB in all}. */
    String described() {
        return "about %s needed, %s available of %s in all"
                .formatted(mebibytes(neededMiB), mebibytes(availableMiB), mebibytes(totalMiB));
    }

    private static String mebibytes(Double figure) {
        return figure == null ? "an unknown amount" : String.format(Locale.ROOT, "%.0f MiB", figure);
    }
}
