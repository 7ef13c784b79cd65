package dev.lockstep.coordinator.host;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.Collection;
import oshi.SystemInfo;
import oshi.hardware.HardwareAbstractionLayer;
import oshi.software.os.OSProcess;
import oshi.software.os.OperatingSystem;

/** The machine the cluster runs on, as the report names it and as the memory check needs it. */
public final class Host {
    private static final long MIB = 1024 * 1024;

    private final OperatingSystem operatingSystem;
    private final HardwareAbstractionLayer hardware;

    public Host() {
        SystemInfo system = new SystemInfo();
        this.operatingSystem = system.getOperatingSystem();
        this.hardware = system.getHardware();
    }

    public String hostname() {
        return operatingSystem.getNetworkParams().getHostName();
    }

    /** In the form of Python's {@code platform.platform()}: system, kernel version, architecture. */
    public String platform() {
        return String.join(
                "-", System.getProperty("os.name"), System.getProperty("os.version"), System.getProperty("os.arch"));
    }

    public String cpuModel() {
        return hardware.getProcessor().getProcessorIdentifier().getName().strip();
    }

    /** Physical memory, or the container's limit where that is less. */
    public long memoryMiB() {
        long container =
                ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
        return Math.min(container, hardware.getMemory().getTotal()) / MIB;
    }

    /**
     * What idle workers could use together: the memory that is free or freely reclaimed, and what they hold already.
     *
     * @param workerPids processes whose memory counts as available
     */
    public double availableMiB(Collection<Long> workerPids) {
        long held = workerPids.stream()
                .map(pid -> operatingSystem.getProcess(pid.intValue()))
                .filter(process -> process != null)
                .mapToLong(OSProcess::getResidentSetSize)
                .sum();
        double free = (double) (hardware.getMemory().getAvailable() + held) / MIB;
        return Math.min(free, (double) memoryMiB());
    }
}
