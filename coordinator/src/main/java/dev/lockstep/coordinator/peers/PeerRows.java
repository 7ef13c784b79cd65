package dev.lockstep.coordinator.peers;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.report.Peer;
import dev.lockstep.common.report.Peer.Ratio;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.Result.MemoryMiB;
import dev.lockstep.common.report.ResultStatus;
import dev.lockstep.coordinator.peers.PeerOutcome.Measured;
import dev.lockstep.coordinator.peers.PeerOutcome.NotMeasured;
import dev.lockstep.coordinator.report.Results;
import dev.lockstep.coordinator.report.Spread;
import java.util.List;
import java.util.stream.IntStream;

/** Makes rows of a report from what peers measured. */
public final class PeerRows {
    private PeerRows() {}

    /**
     * A peer's row beside one result of Lockstep. Where a round came to nothing the row says so, and has the figures of the rounds
     * before.
     *
     * @param outcomes of the peer, one a round; none after one without figures
     * @param rounds what Lockstep measured, one a round likewise
     */
    public static Peer row(
            PeerTask task, String resultId, Python python, List<PeerOutcome> outcomes, List<Result> rounds) {
        List<PeerMeasurement> measured = outcomes.stream()
                .filter(Measured.class::isInstance)
                .map(outcome -> ((Measured) outcome).measurement())
                .toList();
        ResultStatus status = ResultStatus.OK;
        Failure error = null;
        if (outcomes.get(outcomes.size() - 1) instanceof NotMeasured without) {
            status = without.status();
            error = measured.isEmpty() ? without.failure() : inLaterRound(without.failure(), outcomes.size());
        }
        if (measured.isEmpty()) {
            return withoutFigures(task, resultId, python, status, error);
        }
        PeerMeasurement last = measured.get(measured.size() - 1);
        List<Double> samples = measured.stream()
                .flatMap(round -> round.samplesMillis().stream())
                .toList();
        return new Peer(
                task.id(),
                resultId,
                program(task, python, last.backend()),
                python.executable(),
                python.torch(),
                python.torchvision(),
                measured.size(),
                status,
                error,
                Results.distribution(samples),
                samples,
                task.imagesPerSecond(samples),
                memory(measured),
                ratio(task, measured, rounds),
                last.amp(),
                last.setup(),
                last.finalLoss());
    }

    private static Failure inLaterRound(Failure failure, int round) {
        return new Failure(
                failure.category(),
                "in round %d (its figures are of the rounds before): %s".formatted(round, failure.message()));
    }

    private static Peer withoutFigures(
            PeerTask task, String resultId, Python python, ResultStatus status, Failure error) {
        return new Peer(
                task.id(),
                resultId,
                program(task, python, null),
                python.executable(),
                python.torch(),
                python.torchvision(),
                0,
                status,
                error,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null);
    }

    private static String program(PeerTask task, Python python, String backend) {
        return "PyTorch %s %s, %s%s"
                .formatted(
                        python.torch(),
                        task.kind().title(),
                        task.memoryFormat().label(),
                        backend == null ? "" : ", " + backend);
    }

    /** Round against round, as far as both were measured; null when that is in none. */
    private static Ratio ratio(PeerTask task, List<PeerMeasurement> measured, List<Result> rounds) {
        long good = rounds.stream()
                .takeWhile(result -> result.status() == ResultStatus.OK)
                .count();
        int common = (int) Math.min(measured.size(), good);
        if (common == 0) {
            return null;
        }
        List<Double> byRound = IntStream.range(0, common)
                .mapToObj(round -> rounds.get(round).imagesPerSecond()
                        / task.imagesPerSecond(measured.get(round).samplesMillis()))
                .toList();
        Spread spread = Spread.of(byRound);
        return new Ratio(spread.median(), spread.min(), spread.max(), byRound);
    }

    /** The most of all rounds. */
    private static MemoryMiB memory(List<PeerMeasurement> measured) {
        int devices = measured.get(0).memoryMiB().perDevice().size();
        List<Double> perDevice = IntStream.range(0, devices)
                .mapToObj(device -> measured.stream()
                        .map(round -> round.memoryMiB().perDevice().get(device))
                        .max(Double::compare)
                        .orElseThrow())
                .toList();
        double max = perDevice.stream().mapToDouble(Double::doubleValue).max().orElseThrow();
        return new MemoryMiB(perDevice, max, measured.get(0).memoryMiB().kind(), null);
    }
}
