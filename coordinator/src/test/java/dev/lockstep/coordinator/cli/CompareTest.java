package dev.lockstep.coordinator.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Report;
import dev.lockstep.common.report.Result;
import dev.lockstep.coordinator.report.ReportWriter;
import dev.lockstep.coordinator.report.RunReports;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CompareTest {
    private static final Report ONE = RunReports.ok(spec(1), 100, 102, 98, 100);
    private static final Report TWO = RunReports.ok(spec(2), 120, 121, 119, 120);
    private static final Report TWO_SLOWER = RunReports.ok(spec(2), 150, 151, 149, 150);

    @TempDir
    Path folder;

    private FakeShell shell;

    @BeforeEach
    void write() {
        shell = new FakeShell(folder);
        write("a", ONE, TWO);
        write("slower", ONE, TWO_SLOWER);
        write("less", ONE);
        write("failed", ONE, RunReports.failed(spec(2)));
        write("other", RunReports.ok(spec(4), 1, 2));
        new ReportWriter(folder.resolve("run/reports/20260304-050607")).write(TWO);
    }

    @Test
    void shouldMatchByConfiguration() {
        assertEquals(0, shell.execute("compare", "a", "slower/report.json"));
        assertEquals("A: " + folder.resolve("a"), shell.out().get(0));
        assertEquals("B: " + folder.resolve("slower/report.json"), shell.out().get(1));
        assertEquals(
                List.of(
                        "data-parallel-fp32-1x16",
                        "160.00",
                        "160.00",
                        "100.00",
                        "100.00",
                        "1.000",
                        "no",
                        "change",
                        "beyond",
                        "the",
                        "noise"),
                row(0));
        assertEquals(List.of("data-parallel-fp32-2x16", "266.67", "213.33", "120.00", "150.00", "0.800"), row(1));
    }

    @Test
    void shouldFindARunByItsId() {
        assertEquals(0, shell.execute("compare", "20260304-050607", "slower"));
        assertTrue(shell.out().stream().anyMatch(line -> line.endsWith("only in B")), shell.out()::toString);
    }

    @Test
    void shouldFailBelowTheGate() {
        assertEquals(0, shell.execute("compare", "a", "slower", "--fail-below", "0.79"));
        assertEquals(List.of(), shell.err());
        assertEquals(1, shell.execute("compare", "a", "slower", "--fail-below", "0.81"));
        assertEquals(List.of("lockstep: below 0.81: data-parallel-fp32-2x16 0.800"), shell.err());
    }

    @Test
    void shouldFailTheGateWhereWhatWasMeasuredIsNoMore() {
        assertEquals(1, shell.execute("compare", "a", "less", "--fail-below", "0.5"));
        assertEquals(List.of("lockstep: below 0.5: data-parallel-fp32-2x16 has no figures in B"), shell.err());
        assertEquals(1, shell.execute("compare", "a", "failed", "--fail-below", "0.5"));
        assertTrue(
                shell.out().stream().anyMatch(line -> line.endsWith("B failed: cpu:0 was killed")),
                shell.out()::toString);
        assertEquals(0, shell.execute("compare", "less", "a", "--fail-below", "0.5"));
    }

    @Test
    void shouldNotPassWhereThereIsNothingToCompare() {
        assertEquals(2, shell.execute("compare", "a", "other"));
        assertEquals(List.of("lockstep: no configuration has figures in both reports"), shell.err());
    }

    @Test
    void shouldNameWhatElseDiffers() {
        Report report = RunReports.with(ONE, ONE.results(), List.of());
        new ReportWriter(folder.resolve("adam")).write(RunReports.withPlan(report, plan(1, OptimizerKind.ADAM)));
        assertEquals(0, shell.execute("compare", "a", "adam"));
        assertTrue(
                shell.out()
                        .contains("differs: Optimizer: sgd, learning rate 0.01, momentum 0.9, weight decay 0.0001 | "
                                + "adam, learning rate 0.01, weight decay 0.0001"),
                shell.out()::toString);
        assertTrue(shell.out().stream().noneMatch(line -> line.startsWith("differs: Model:")), shell.out()::toString);
    }

    @Test
    void shouldRefuseWhatIsNoReportAndNoRatio() {
        assertEquals(2, shell.execute("compare", "a", "nowhere"));
        assertTrue(shell.err().get(0).contains("there is no report to read at"), shell.err()::toString);
        assertEquals(2, shell.execute("compare", "a", "slower", "--fail-below", "0"));
        assertEquals(2, shell.execute("compare", "a"));
    }

    /** The cells of a row of the table, by words. */
    private List<String> row(int index) {
        int header = shell.out()
                .indexOf(shell.out().stream()
                        .filter(line -> line.startsWith("CONFIGURATION"))
                        .findFirst()
                        .orElseThrow());
        return List.of(shell.out().get(header + 1 + index).split("\\s+"));
    }

    private void write(String name, Report... runs) {
        List<Result> results =
                Stream.of(runs).flatMap(run -> run.results().stream()).toList();
        new ReportWriter(folder.resolve(name)).write(RunReports.with(runs[0], results, List.of()));
    }

    private static MeasurementSpec spec(int devices) {
        return plan(devices, OptimizerKind.SGD).measurements().get(0);
    }

    private static Plan plan(int devices, OptimizerKind optimizer) {
        return new Plan(
                List.of(devices),
                List.of(Strategy.DATA_PARALLEL),
                List.of(Precision.FP32),
                16,
                null,
                new ModelSpec("efficientnet_b3", 35, 224, null, null),
                4,
                2,
                new OptimizerSpec(optimizer, 0.01, 0.9, 1e-4),
                MemoryFormat.CHANNELS_LAST,
                new DataSpec.Synthetic(),
                0);
    }
}
