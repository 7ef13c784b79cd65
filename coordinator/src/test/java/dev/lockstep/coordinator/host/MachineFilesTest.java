package dev.lockstep.coordinator.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MachineFilesTest {
    @TempDir
    Path root;

    private void write(String file, String text) throws IOException {
        Path path = root.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text);
    }

    private static String process(String name, int user, int system) {
        return "7 (" + name + ") S 1 7 7 0 -1 4194304 98 0 0 0 " + user + " " + system
                + " 0 0 20 0 1 0 33319 3133440 393\n";
    }

    @Test
    void shouldReadEverythingAMachineTells() throws IOException {
        write(
                "proc/stat",
                "cpu0 100 0 10 500 0 0 0 3 0 0\ncpu1 200 5 20 400 0 0 0 4 0 0\ncpu2 900 0 0 0 0 0 0 9 0 0\n");
        write("proc/vmstat", "nr_free_pages 5\npswpin 256\npswpout 512\n");
        write("proc/self/cgroup", "0::/lockstep.slice/run.scope\n");
        write("proc/7/stat", process("java", 60, 6));
        write("proc/8/stat", process("java (worker)", 30, 3));
        write("sys/fs/cgroup/cpu.stat", "usage_usec 9\n");
        write("sys/fs/cgroup/lockstep.slice/cpu.stat", "usage_usec 9\nthrottled_usec 5\n");
        write("sys/fs/cgroup/lockstep.slice/run.scope/cpu.stat", "usage_usec 9\nthrottled_usec 2\n");
        write("sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "3\n");
        write("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", "1\n");
        write("sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "2\n");
        write("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2400000\n");
        write("sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "3100500\n");
        write("sys/devices/system/cpu/cpu2/cpufreq/scaling_cur_freq", "5000000\n");
        MachineFiles files = new MachineFiles(root, List.of(0, 1));
        assertEquals(
                new MachineSample(42, 335L, 7L, 99L, 7000L, 4L, 3100.5, 256L, 512L),
                files.sample(42, List.of(7L, 8L, 7L)));
        assertEquals(2, files.processorCount());
    }

    @Test
    void shouldLeaveOpenWhatAMachineDoesNotTell() {
        assertEquals(
                new MachineSample(1, null, null, null, null, null, null, null, null),
                new MachineFiles(root, List.of(0)).sample(1, List.of(7L)));
    }

    @Test
    void shouldNotCountTheClusterWithoutAProcessThatIsGone() throws IOException {
        write("proc/7/stat", process("java", 60, 6));
        assertNull(new MachineFiles(root, List.of(0)).sample(1, List.of(7L, 8L)).clusterTicks());
    }

    @Test
    void shouldReadThisMachine() {
        List<Integer> processors = Processors.allowed();
        MachineFiles files = new MachineFiles(Path.of("/"), processors);
        long pid = ProcessHandle.current().pid();
        MachineSample before = files.sample(System.nanoTime(), List.of(pid));
        MachineSample after = files.sample(System.nanoTime(), List.of(pid));
        assertNotNull(before.clusterTicks());
        assertTrue(before.busyTicks() > 0 && before.busyTicks() <= after.busyTicks());
        assertNotNull(before.swappedInPages());
    }
}
