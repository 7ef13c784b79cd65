package dev.lockstep.coordinator.control;

import java.util.Locale;

/**
 * What a measurement's replicas need of the machine's memory and what there is, as far as known. Of GPUs' memory nothing is known here: a
 * worker that runs out of it says what it needed and what there was.
 *
 * @param neededMiB an estimate for all of them and their segment; null where the platform does not tell
 * @param availableMiB what they may use together; null where that was not found out
 * @param totalMiB the machine's; null of replicas on GPUs
 */
record MemoryNeed(Double neededMiB, Double availableMiB, Double totalMiB) {
    /** Of replicas on GPUs. */
    static final MemoryNeed ON_GPUS = new MemoryNeed(null, null, null);

    /**
     * For a sentence, after what it is about; {@code ""} where it is not the machine's memory that counts: {@code : about
     * 6220 MiB needed, 6219 MiB available of 8000 MiB in all}.
     */
    String described() {
        if (equals(ON_GPUS)) {
            return "";
        }
        return ": about %s needed, %s available of %s in all"
                .formatted(mebibytes(neededMiB), mebibytes(availableMiB), mebibytes(totalMiB));
    }

    private static String mebibytes(Double figure) {
        return figure == null ? "an unknown amount" : String.format(Locale.ROOT, "%.0f MiB", figure);
    }
}
