package dev.lockstep.worker;

import dev.lockstep.common.natives.CudaNatives;
import java.nio.file.Path;
import org.junit.platform.launcher.LauncherSession;
import org.junit.platform.launcher.LauncherSessionListener;

/**
 * Has the CUDA build of libtorch unpacked before any test runs, where Maven's profile {@code cuda} has brought its jar, and tells the
 * tests where it is. A failure to unpack it fails the build: what the profile is for would be skipped in silence.
 */
public final class CudaNativesForTests implements LauncherSessionListener {
    private static final String FOLDER = "lockstep.cuda.natives";
    /** The file that names the jar; the profile sets it. */
    private static final String JAR_POINTER = "lockstep.cuda.natives.jar";

    @Override
    public void launcherSessionOpened(LauncherSession session) {
        String pointer = System.getProperty(JAR_POINTER);
        if (pointer != null && System.getProperty(FOLDER) == null) {
            Path folder = new CudaNatives(System.getenv(), Path.of(pointer)).folder(System.err::println);
            System.setProperty(FOLDER, folder.toString());
        }
    }
}
