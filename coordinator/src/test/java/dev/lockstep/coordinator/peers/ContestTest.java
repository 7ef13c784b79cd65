package dev.lockstep.coordinator.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import java.util.List;
import org.junit.jupiter.api.Test;

class ContestTest {
    private static final List<Strategy> BOTH = List.of(Strategy.DATA_PARALLEL, Strategy.ALL_REDUCE);

    @Test
    void shouldPutStrategiesOfTheSameWorkTogether() {
        List<Contest> contests =
                Contest.of(Specs.plan(List.of(1, 2), BOTH, Precision.FP32, Precision.AMP), false, Specs.MEMORY_FORMATS);
        assertEquals(
                List.of(
                        List.of("data-parallel-fp32-1x5"),
                        List.of("data-parallel-amp-1x5"),
                        List.of("data-parallel-fp32-2x3", "all-reduce-fp32-2x3"),
                        List.of("data-parallel-amp-2x3", "all-reduce-amp-2x3")),
                contests.stream()
                        .map(contest -> contest.measurements().stream()
                                .map(MeasurementSpec::id)
                                .toList())
                        .toList());
        assertEquals(
                List.of(
                        List.of("torch-single-fp32-1x5"),
                        List.of("torch-single-amp-1x5"),
                        List.of("torch-DistributedDataParallel-fp32-2x3"),
                        List.of("torch-DistributedDataParallel-amp-2x3")),
                ids(contests));
    }

    @Test
    void shouldHaveDataParallelOnGpusAlone() {
        assertEquals(
                List.of(
                        List.of("torch-single-fp32-1x5"),
                        List.of("torch-DataParallel-fp32-2x3", "torch-DistributedDataParallel-fp32-2x3")),
                ids(Contest.of(Specs.plan(List.of(1, 2), BOTH, Precision.FP32), true, Specs.MEMORY_FORMATS)));
    }

    @Test
    void shouldHaveAPeerOfEachMemoryFormat() {
        Plan plan = Specs.plan(List.of(1), BOTH, Precision.FP32);
        List<MemoryFormat> formats = List.of(MemoryFormat.CONTIGUOUS, MemoryFormat.CHANNELS_LAST);
        List<PeerTask> peers = Contest.of(plan, false, formats).get(0).peers();
        assertEquals(
                List.of("torch-single-fp32-1x5-contiguous", "torch-single-fp32-1x5"),
                peers.stream().map(PeerTask::id).toList());
        assertEquals(
                formats,
                peers.stream()
                        .map(task ->
                                PeerSpec.of(task, plan, Specs.devices(1), null).memoryFormat())
                        .toList());
    }

    @Test
    void shouldLeaveOutIdleDevices() {
        Plan plan = Specs.plan(List.of(4), BOTH, Precision.FP32);
        PeerTask task =
                Contest.of(plan, false, Specs.MEMORY_FORMATS).get(0).peers().get(0);
        PeerSpec spec = PeerSpec.of(task, plan, Specs.devices(4), "/w");
        assertEquals(List.of(2, 2, 1), spec.chunks());
        assertEquals(List.of("cpu:0", "cpu:1", "cpu:2"), spec.devices());
        assertEquals(List.of(List.of(0), List.of(1), List.of(2)), spec.cpus());
        assertEquals("/w", spec.weights());
    }

    @Test
    void shouldNotPinWhatLockstepDoesNotPin() {
        Plan plan = Specs.plan(List.of(1), BOTH, Precision.FP32);
        PeerTask task =
                Contest.of(plan, true, Specs.MEMORY_FORMATS).get(0).peers().get(0);
        assertNull(PeerSpec.of(task, plan, List.of(new PeerDevice("cuda:0", null)), null)
                .cpus());
    }

    private static List<List<String>> ids(List<Contest> contests) {
        return contests.stream()
                .map(contest -> contest.peers().stream().map(PeerTask::id).toList())
                .toList();
    }
}
