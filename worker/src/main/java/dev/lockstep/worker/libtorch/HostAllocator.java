package dev.lockstep.worker.libtorch;

import com.sun.jna.Function;
import com.sun.jna.Platform;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which {@code malloc} serves this process: glibc's as it was set when the process began, or a library loaded before it. */
public final class HostAllocator {
    private static final Path MAPPINGS = Path.of("/proc/self/maps");
    private static final Path HUGE_PAGES = Path.of("/sys/kernel/mm/transparent_hugepage/enabled");
    private static final Pattern PRELOADED = Pattern.compile(".*/(lib(?:jemalloc|tcmalloc|mimalloc)[^/]*)");
    private static final String TUNABLE = "glibc.malloc.hugetlb=1";
    /** The first glibc with the tunable is 2.35. */
    private static final int LEAST_MINOR = 35;

    private static final String IN_HUGE_PAGES = ", huge pages";

    private HostAllocator() {}

    /** Whether it asks for huge pages and the kernel gives them; a library that was preloaded sees to its own pages. */
    public static boolean usesHugePages() {
        return describe().endsWith(IN_HUGE_PAGES);
    }

    /** Its name for the report, as in {@code glibc 2.36, huge pages} or {@code libjemalloc.so.2}. */
    public static String describe() {
        if (!Platform.isLinux()) {
            return "the system's";
        }
        try {
            String setting = Files.isReadable(HUGE_PAGES) ? Files.readString(HUGE_PAGES) : "";
            String version = Function.getFunction("c", "gnu_get_libc_version").invokeString(new Object[0], false);
            return describe(Files.readAllLines(MAPPINGS), version, System.getenv("GLIBC_TUNABLES"), setting);
        } catch (UnsatisfiedLinkError e) {
            return "the C library's, which is not glibc";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * The name by what the system tells.
     *
     * @param mappings lines of the process's memory map
     * @param version of glibc
     * @param tunables of glibc; null if none are set
     * @param hugePages the kernel's setting, the chosen one in brackets
     */
    static String describe(List<String> mappings, String version, String tunables, String hugePages) {
        Optional<String> preloaded = mappings.stream()
                .map(PRELOADED::matcher)
                .filter(Matcher::matches)
                .map(matcher -> matcher.group(1))
                .findFirst();
        if (preloaded.isPresent()) {
            return preloaded.get();
        }
        boolean asked = tunables != null && tunables.contains(TUNABLE) && minor(version) >= LEAST_MINOR;
        boolean given = hugePages.contains("[madvise]") || hugePages.contains("[always]");
        return String.format(Locale.ROOT, "glibc %s%s", version, asked && given ? IN_HUGE_PAGES : "");
    }

    private static int minor(String version) {
        String[] parts = version.split("\\.", -1);
        return parts[0].equals("2") ? Integer.parseInt(parts[1]) : Integer.MAX_VALUE;
    }
}
