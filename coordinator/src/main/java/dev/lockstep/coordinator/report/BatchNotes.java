package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.BatchSweep;
import dev.lockstep.common.report.BatchTry;
import dev.lockstep.common.report.Provenance.Batch;
import dev.lockstep.common.report.Result;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** What a reader of the figures should know of batches that the plan did not name. */
public final class BatchNotes {
    private BatchNotes() {}

    /** A sentence for every search that found something, and one for every row whose batch was halved. */
    public static List<String> of(List<Result> results, List<BatchSweep> sweeps) {
        List<String> notes = new ArrayList<>();
        sweeps.stream()
                .filter(sweep -> sweep.largestBatchPerDevice() != null)
                .forEach(sweep -> notes.add(found(sweep)));
        results.stream()
                .filter(result -> result.provenance().halvedFrom() != null)
                .forEach(result -> notes.add(halved(result)));
        return notes;
    }

    private static String found(BatchSweep sweep) {
        String next = sweep.tries().stream()
                .filter(tried -> !tried.fits())
                .min(Comparator.comparingInt(BatchTry::batchPerDevice))
                .map(tried -> "%d did not fit".formatted(tried.batchPerDevice()))
                .orElse("nothing larger was tried");
        return "The largest batch per device that fits on %d device%s with %s, %s is %d (%s)."
                .formatted(
                        sweep.deviceCount(),
                        sweep.deviceCount() == 1 ? "" : "s",
                        sweep.precision().label(),
                        sweep.strategy().label(),
                        sweep.largestBatchPerDevice(),
                        next);
    }

    private static String halved(Result result) {
        Batch asked = result.provenance().halvedFrom();
        return "%s was asked for with %d images per device, %d in all, which did not fit: its batch is %d per device, %d in all."
                .formatted(
                        result.id(),
                        asked.batchPerDevice(),
                        asked.globalBatch(),
                        result.batchPerDevice(),
                        result.globalBatch());
    }
}
