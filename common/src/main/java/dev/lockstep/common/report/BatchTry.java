package dev.lockstep.common.report;

import dev.lockstep.common.failure.Failure;

/**
 * A batch that was tried: whether it fits the memory, and what is known of that.
 *
 * @param imagesPerSecond of the few steps of a try, and so a rough figure; null when it does not fit
 * @param neededMiB an estimate of what all replicas together need; null where there is none
 * @param availableMiB what they might use together; null where that was not found out
 * @param totalMiB the machine's memory
 * @param error why it does not fit, or why the try came to nothing; null when it fits
 */
public record BatchTry(
        int batchPerDevice,
        int globalBatch,
        boolean fits,
        Double imagesPerSecond,
        Double neededMiB,
        Double availableMiB,
        Double totalMiB,
        Failure error) {}
