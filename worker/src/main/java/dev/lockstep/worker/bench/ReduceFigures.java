package dev.lockstep.worker.bench;

import java.util.List;

/**
 * What {@link ReduceBenchmark} measured.
 *
 * @param bytes of one rank's flat gradients
 * @param reduceMillis of the sum of all ranks' gradients into rank 0's, which reads {@code ranks} times the bytes and writes them once
 * @param copyMillis of a plain copy of the bytes, each rank its shard
 * @param ratio median reduce over median copy
 * @param replicateMillis of the running statistics' way from rank 0 into the other
 */
record ReduceFigures(
        long bytes, int ranks, Millis reduceMillis, Millis copyMillis, double ratio, Millis replicateMillis) {
    private static final double MEDIAN = 0.5;
    private static final double P95 = 0.95;
    private static final double NANOS_PER_MILLI = 1e6;

    /** A distribution, in milliseconds, by nearest rank. */
    record Millis(double median, double p95) {
        static Millis of(List<Long> nanos) {
            return new Millis(quantile(nanos, MEDIAN), quantile(nanos, P95));
        }

        private static double quantile(List<Long> nanos, double share) {
            int place = (int) Math.ceil(share * nanos.size()) - 1;
            return nanos.stream().sorted().skip(place).findFirst().orElseThrow() / NANOS_PER_MILLI;
        }
    }

    static ReduceFigures of(long bytes, int ranks, List<Long> reduces, List<Long> copies, List<Long> replicates) {
        Millis reduce = Millis.of(reduces);
        Millis copy = Millis.of(copies);
        return new ReduceFigures(bytes, ranks, reduce, copy, reduce.median() / copy.median(), Millis.of(replicates));
    }
}
