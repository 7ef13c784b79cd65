package dev.lockstep.coordinator.host;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.coordinator.host.MachineTexts.ProcessorTicks;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Texts as kernels write them. */
class MachineTextsTest {
    private static final String STAT =
            """
            cpu  25660 7 7056 32910 269 0 159 59 0 0
            cpu0 12725 3 3421 16748 114 0 25 31 5 0
            cpu1 12934 4 3634 16162 155 0 134 27 0 0
            cpu10 1 1 1 1 1 1 1 1 0 0
            intr 1234567 0 9 0 0
            ctxt 4567890
            btime 1795498000
            processes 12034
            procs_running 2
            procs_blocked 0
            """;

    @Test
    void shouldAddUpTheProcessorsThatAreAskedFor() {
        assertEquals(new ProcessorTicks(12725 + 3 + 3421, 31), MachineTexts.processorTicks(STAT, List.of(0)));
        assertEquals(
                new ProcessorTicks(12725 + 3 + 3421 + 12934 + 4 + 3634, 58),
                MachineTexts.processorTicks(STAT, List.of(0, 1)));
        assertEquals(new ProcessorTicks(0, 0), MachineTexts.processorTicks(STAT, List.of(7)), "one that is offline");
    }

    @Test
    void shouldReadAProcessWhateverItsName() {
        String stat =
                "11992 (a) R 1 (b) S 11988 11988 9608 0 -1 4194304 98 0 0 0 420 17 3 4 20 0 1 0 33319 3133440 393 18446744073709551615";
        assertEquals(437, MachineTexts.processTicks(stat));
    }

    @Test
    void shouldFindACounterByItsWholeName() {
        String vmstat = "pgpgin 12\npswpin_x 5\npswpin 7\npswpout 8\n";
        assertEquals(Optional.of(7L), MachineTexts.counter(vmstat, "pswpin"));
        assertEquals(Optional.of(8L), MachineTexts.counter(vmstat, "pswpout"));
        assertEquals(Optional.empty(), MachineTexts.counter(vmstat, "thp"));
    }

    @Test
    void shouldReadThrottlingOfBothVersionsOfControlGroups() {
        assertEquals(
                Optional.of(1_500_000L),
                MachineTexts.throttledNanos("usage_usec 99\nnr_periods 4\nnr_throttled 2\nthrottled_usec 1500\n"));
        assertEquals(
                Optional.of(1500L), MachineTexts.throttledNanos("nr_periods 4\nnr_throttled 2\nthrottled_time 1500\n"));
        assertEquals(
                Optional.empty(),
                MachineTexts.throttledNanos("usage_usec 99\nuser_usec 50\n"),
                "the root group of version 2 has no quota");
    }

    @Test
    void shouldFindTheGroupsAboveAProcess() {
        assertEquals(
                List.of("user.slice/session-3.scope", "user.slice", ""),
                MachineTexts.controlGroups("0::/user.slice/session-3.scope\n"));
        assertEquals(
                List.of("cpu,cpuacct/docker/ab", "cpu,cpuacct/docker", "cpu,cpuacct/", ""),
                MachineTexts.controlGroups("4:memory:/docker/ab\n2:cpu,cpuacct:/docker/ab\n1:name=systemd:/\n0::/\n"));
    }

    @Test
    void shouldTakeNoWordForAFigure() {
        assertEquals(Optional.of(2596126L), MachineTexts.figure("2596126\n"));
        assertEquals(Optional.empty(), MachineTexts.figure("<unknown>\n"));
    }
}
