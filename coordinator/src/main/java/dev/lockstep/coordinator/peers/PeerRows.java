package dev.lockstep.coordinator.peers;

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
     * A peer's row beside one result of Lockstep.
     *
     * @param outcomes of the peer, one a round; a round after one without figures is not needed
     * @param rounds what Lockstep measured, one a round likewise
     */
    public static Peer row(
            PeerTask task, String resultId, Python python, List<PeerOutcome> outcomes, List<Result> rounds) {
        for (PeerOutcome outcome : outcomes) {
            if (outcome instanceof NotMeasured without) {
                return notMeasured(task, resultId, python, outcomes.size(), without);
            }
        }
        List<PeerMeasurement> measured = outcomes.stream()
                .map(outcome -> ((Measured) outcome).measurement())
                .toList();
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
                ResultStatus.OK,
                null,
                Results.distribution(samples),
                samples,
                task.imagesPerSecond(samples),
                memory(measured),
                ratio(task, measured, rounds),
                last.amp(),
                last.setup(),
                last.finalLoss());
    }

    private static Peer notMeasured(PeerTask task, String resultId, Python python, int rounds, NotMeasured without) {
        return new Peer(
                task.id(),
                resultId,
                program(task, python, null),
                python.executable(),
                python.torch(),
                python.torchvision(),
                rounds,
                without.status(),
                without.failure(),
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
        return "PyTorch %s %s%s".formatted(python.torch(), task.kind().title(), backend == null ? "" : ", " + backend);
    }

    /** Round against round; null when Lockstep has no figure in one of them. */
    private static Ratio ratio(PeerTask task, List<PeerMeasurement> measured, List<Result> rounds) {
        int common = Math.min(measured.size(), rounds.size());
        if (common == 0 || rounds.subList(0, common).stream().anyMatch(result -> result.status() != ResultStatus.OK)) {
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
