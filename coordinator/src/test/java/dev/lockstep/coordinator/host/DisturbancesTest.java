package dev.lockstep.coordinator.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.lockstep.common.report.Quality.Disturbance;
import java.util.List;
import org.junit.jupiter.api.Test;

class DisturbancesTest {
    private static final int PROCESSORS = 2;

    /** Samples a second apart, on a machine that tells nothing unless a test makes it. */
    private static MachineSample at(double seconds) {
        return new MachineSample((long) (seconds * 1e9), null, null, null, null, null, null, null, null);
    }

    private static MachineSample load(double seconds, long busy, long stolen, long cluster) {
        return new MachineSample((long) (seconds * 1e9), busy, stolen, cluster, null, null, null, null, null);
    }

    private static Disturbance judge(MachineSample... samples) {
        return Disturbances.of(List.of(samples), PROCESSORS, 0, null);
    }

    private static List<String> notes(MachineSample... samples) {
        return judge(samples).notes();
    }

    @Test
    void shouldNotTakeTheClusterForOtherLoad() {
        Disturbance quiet = judge(
                load(0, 5000, 10, 4000), load(1, 5200, 10, 4199), load(2, 5400, 10, 4398), load(3, 5600, 10, 4597));
        assertEquals(List.of(), quiet.notes());
        assertEquals(0.01, quiet.otherProcessors(), 1e-9);
        assertEquals(0.01, quiet.otherProcessorsPeak(), 1e-9);
        assertEquals(0.0, quiet.stolenProcessors());
        assertEquals(3.0, quiet.seconds());
        assertEquals(PROCESSORS, quiet.processors());
    }

    @Test
    void shouldNoteOtherLoadThatLasts() {
        assertEquals(
                List.of("Other processes used 0.20 of 2 processors on average, 0.25 in the worst second."),
                notes(load(0, 0, 0, 0), load(1, 200, 0, 185), load(2, 400, 0, 360), load(3, 600, 0, 540)));
    }

    @Test
    void shouldNoteAShortBurst() {
        assertEquals(
                List.of("Other processes used 0.06 of 2 processors on average, 0.60 in the worst second."),
                notes(load(0, 0, 0, 0), load(1, 160, 0, 100), load(10, 1060, 0, 1000)));
    }

    @Test
    void shouldNotMindTheBackgroundOfALargeMachine() {
        MachineSample[] samples = {load(0, 0, 0, 0), load(1, 12700, 0, 12650), load(2, 25400, 0, 25300)};
        assertEquals(List.of(), Disturbances.of(List.of(samples), 128, 0, null).notes());
        assertEquals(1, notes(samples).size());
    }

    @Test
    void shouldSayNothingOfLoadWhenTheTimeIsTooShortForTheKernelsTicks() {
        Disturbance brief = judge(load(0, 0, 0, 0), load(0.5, 90, 50, 10));
        assertNull(brief.otherProcessors());
        assertNull(brief.otherProcessorsPeak());
        assertNull(brief.stolenProcessors());
        assertEquals(List.of(), brief.notes());
    }

    @Test
    void shouldNotFallBelowNothing() {
        assertEquals(0.0, judge(load(0, 0, 0, 0), load(2, 400, 0, 403)).otherProcessors());
    }

    @Test
    void shouldNoteTimeTheHypervisorTook() {
        assertEquals(
                List.of("The hypervisor gave 0.05 of 2 processors to others."),
                notes(load(0, 0, 100, 0), load(4, 780, 120, 780)));
        assertEquals(List.of(), notes(load(0, 0, 100, 0), load(4, 780, 104, 780)));
    }

    @Test
    void shouldNoteAQuotaThatHeldTheClusterBack() {
        MachineSample before = new MachineSample(0, null, null, null, 5_000_000L, null, null, null, null);
        MachineSample after = new MachineSample(1, null, null, null, 45_400_000L, null, null, null, null);
        assertEquals(List.of("A control group's processor quota held Lockstep back for 40 ms."), notes(before, after));
        assertEquals(40.4, judge(before, after).throttledMillis(), 1e-9);
        assertEquals(List.of(), notes(before, before));
        assertEquals(0.0, judge(before, before).throttledMillis());
    }

    @Test
    void shouldNoteHeatAndAFallingClock() {
        MachineSample before = new MachineSample(0, null, null, null, null, 7L, 3500.0, null, null);
        MachineSample between = new MachineSample(1, null, null, null, null, 9L, 3000.0, null, null);
        MachineSample after = new MachineSample(2, null, null, null, null, 9L, 3500.0, null, null);
        assertEquals(
                List.of(
                        "A processor slowed down for heat 2 times.",
                        "The processors' clock fell from 3500 to 3000 MHz."),
                notes(before, between, after));
        assertEquals(List.of(), notes(before, before));
        assertEquals(3000.0, judge(before, between, after).lowestMegahertz());
    }

    @Test
    void shouldNoteSwappingFromAMebibyte() {
        MachineSample before = new MachineSample(0, null, null, null, null, null, null, 1000L, 1000L);
        MachineSample little = new MachineSample(1, null, null, null, null, null, null, 1100L, 1100L);
        MachineSample much = new MachineSample(1, null, null, null, null, null, null, 1512L, 4072L);
        assertEquals(List.of(), notes(before, little));
        assertEquals(List.of("The machine swapped 2 MiB in and 12 MiB out."), notes(before, much));
        assertEquals(12.0, judge(before, much).swappedOutMiB());
    }

    @Test
    void shouldNoteALateTimer() {
        List<MachineSample> samples = List.of(at(0), at(5));
        assertEquals(
                List.of("The coordinator's timer was late by up to 140 ms."),
                Disturbances.of(samples, PROCESSORS, 140_000_000, null).notes());
        Disturbance inTime = Disturbances.of(samples, PROCESSORS, 20_000_000, null);
        assertEquals(List.of(), inTime.notes());
        assertEquals(20.0, inTime.latestHeartbeatMillis());
    }

    @Test
    void shouldLeaveOpenWhatNobodyTold() {
        assertEquals(
                new Disturbance(List.of(), 5, 2, null, null, null, null, null, null, null, null, null, 0),
                judge(at(0), at(5)));
    }

    @Test
    void shouldSayWhyItWasNotWatched() {
        Disturbance found = Disturbances.of(List.of(), PROCESSORS, 0, "cannot read /proc/stat");
        assertEquals(List.of("The machine could not be watched to the end: cannot read /proc/stat."), found.notes());
        assertEquals(0, found.seconds());
        assertNull(found.swappedInMiB());
    }
}
