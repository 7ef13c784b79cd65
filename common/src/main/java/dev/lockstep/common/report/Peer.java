package dev.lockstep.common.report;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.report.Result.MemoryMiB;
import dev.lockstep.common.report.Result.StepMillis;
import dev.lockstep.common.work.AmpSummary;
import java.util.List;

/**
 * The same work done by another program on the same devices, in turns with Lockstep's own. A round without figures is its last:
 * {@code status} and {@code error} tell of it, and the figures are those of the rounds before; null where there are none.
 *
 * @param id unique together with {@code of}: {@code torch-DistributedDataParallel-fp32-2x16}
 * @param of id of the result that it is compared with; a peer of several results has a row for each
 * @param program for people: {@code PyTorch 1.13.1 DistributedDataParallel, gloo}
 * @param python the interpreter that ran it
 * @param rounds how many have figures
 * @param error null when ok
 * @param stepMillis of these rounds' steps
 * @param samplesMillis every measured step in order, round after round
 * @param imagesPerSecond images of a step over the mean step
 * @param ratio null too where Lockstep has figures of none of these rounds
 * @param amp null in full precision
 * @param finalLoss of the last round; null too where it was no finite number
 */
public record Peer(
        String id,
        String of,
        String program,
        String python,
        String torchVersion,
        String torchvisionVersion,
        int rounds,
        ResultStatus status,
        Failure error,
        StepMillis stepMillis,
        List<Double> samplesMillis,
        Double imagesPerSecond,
        MemoryMiB memoryMiB,
        Ratio ratio,
        AmpSummary amp,
        Setup setup,
        Double finalLoss) {

    public Peer {
        samplesMillis = samplesMillis == null ? null : List.copyOf(samplesMillis);
    }

    /**
     * Lockstep's images per second over the peer's, each of the same round: above 1, Lockstep is faster.
     *
     * @param byRound one for each round that both have figures of, in order
     */
    public record Ratio(double median, double min, double max, List<Double> byRound) {
        public Ratio {
            byRound = List.copyOf(byRound);
        }
    }

    /**
     * How PyTorch was set up, as it said itself.
     *
     * @param threads of each process
     * @param cudnnBenchmark whether cuDNN chose its algorithms by trying them; null on the CPU, as are the three after it
     * @param cudnnLegacyApi whether PyTorch 2 was told to use cuDNN's older API
     * @param tf32Convolutions whether convolutions might use TF32
     * @param tf32MatrixProducts whether matrix products might
     */
    public record Setup(
            int threads,
            Boolean cudnnBenchmark,
            Boolean cudnnLegacyApi,
            Boolean tf32Convolutions,
            Boolean tf32MatrixProducts) {}
}
