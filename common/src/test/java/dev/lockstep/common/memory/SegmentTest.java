package dev.lockstep.common.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

class SegmentTest {
    private static final SegmentLayout LAYOUT = new SegmentLayout(3, 10, 3 * 32 * 32, 35, 1000, 77);

    @Test
    void shouldShareEverySectionWithoutOverlap() throws IOException {
        try (Segment ours = Segment.create(LAYOUT, "run", 4);
                Segment theirs = Segment.open(ours.path(), LAYOUT, "run", 4)) {
            List<ByteBuffer> written = sections(ours);
            for (int index = 0; index < written.size(); index++) {
                ByteBuffer section = written.get(index);
                while (section.hasRemaining()) {
                    section.put((byte) (index + 1));
                }
            }
            List<ByteBuffer> read = sections(theirs);
            for (int index = 0; index < read.size(); index++) {
                ByteBuffer section = read.get(index);
                while (section.hasRemaining()) {
                    assertEquals(index + 1, section.get(), "section " + index + " at " + section.position());
                }
            }
        }
    }

    private static List<ByteBuffer> sections(Segment segment) throws IOException {
        List<ByteBuffer> sections = new ArrayList<>();
        for (int slot = 0; slot < SegmentLayout.SLOTS; slot++) {
            sections.add(segment.inputs(slot, 0, 4));
            sections.add(segment.inputs(slot, 4, 6));
            sections.add(segment.labels(slot, 0, 10));
        }
        sections.add(segment.logits(0, 10));
        sections.add(segment.logitGradients(0, 3));
        sections.add(segment.logitGradients(3, 7));
        sections.add(segment.parameters());
        sections.add(segment.buffers());
        for (int rank = 0; rank < LAYOUT.ranks(); rank++) {
            sections.add(segment.gradients(rank));
        }
        return sections;
    }

    @Test
    void shouldPublishProgressAndAbortToOthers() throws IOException {
        try (Segment ours = Segment.create(LAYOUT, "run", 1);
                Segment theirs = Segment.open(ours.path(), LAYOUT, "run", 1)) {
            assertEquals(0, theirs.progress(2));
            ours.publishProgress(2, 42);
            assertEquals(42, theirs.progress(2));
            assertEquals(0, theirs.progress(1));
            assertFalse(ours.aborted());
            theirs.abort();
            assertTrue(ours.aborted());
            assertEquals(42, ours.progress(2), "the abort word must not share a line with progress");
            ours.putLossShare(1, 11.5);
            ours.putLossShare(2, 20.5);
            assertEquals(11.5, theirs.lossShare(1));
            assertEquals(20.5, theirs.lossShare(2));
            assertEquals(42, theirs.progress(2));
        }
    }

    /** Each sleep that is not ended by a wake-up lasts for {@link Futex#LONGEST_SLEEP}. */
    @Test
    @EnabledOnOs(value = OS.LINUX, architectures = "amd64")
    void shouldWakeWhoSleepsByTheProgressItWaitsForAndByNoOther() throws Exception {
        Duration spent = Duration.ZERO;
        for (int round = 0; round < 10; round++) {
            try (Segment ours = Segment.create(LAYOUT, "run", 1);
                    Segment theirs = Segment.open(ours.path(), LAYOUT, "run", 1)) {
                CompletableFuture<Void> sleep = CompletableFuture.runAsync(() -> theirs.sleepUntilReached(1, 0, 3, 7));
                awaitSleep(ours, 1);
                ours.publishProgress(2, 7);
                ours.publishProgress(0, 6);
                boolean sleepsOn = ours.sleeps(1);
                long start = System.nanoTime();
                ours.publishProgress(0, 7);
                sleep.join();
                spent = spent.plusNanos(System.nanoTime() - start);
                assertTrue(sleepsOn, "woken before replica 0 had come so far");
                assertFalse(ours.sleeps(1));
            }
        }
        assertTrue(spent.compareTo(Futex.LONGEST_SLEEP.multipliedBy(4)) < 0, "ten wake-ups took " + spent);
    }

    @Test
    @EnabledOnOs(value = OS.LINUX, architectures = "amd64")
    void shouldWakeEverybodyByAbort() throws Exception {
        Duration spent = Duration.ZERO;
        for (int round = 0; round < 10; round++) {
            try (Segment ours = Segment.create(LAYOUT, "run", 1);
                    Segment theirs = Segment.open(ours.path(), LAYOUT, "run", 1)) {
                ExecutorService threads = Executors.newFixedThreadPool(2);
                Future<?> first = threads.submit(() -> theirs.sleepUntilReached(0, 0, 3, 7));
                Future<?> last = threads.submit(() -> theirs.sleepUntilReached(2, 0, 1, 7));
                awaitSleep(ours, 0);
                awaitSleep(ours, 2);
                long start = System.nanoTime();
                ours.abort();
                first.get();
                last.get();
                spent = spent.plusNanos(System.nanoTime() - start);
                threads.shutdown();
            }
        }
        assertTrue(spent.compareTo(Futex.LONGEST_SLEEP.multipliedBy(4)) < 0, "ten aborts took " + spent);
    }

    @Test
    void shouldNotSleepWhenThereIsNothingToWaitForAnyMore() throws IOException {
        try (Segment ours = Segment.create(LAYOUT, "run", 1)) {
            ours.publishProgress(0, 7);
            long start = System.nanoTime();
            for (int i = 0; i < 10; i++) {
                ours.sleepUntilReached(1, 0, 1, 7);
            }
            ours.abort();
            for (int i = 0; i < 10; i++) {
                ours.sleepUntilReached(1, 0, 1, 8);
            }
            Duration spent = Duration.ofNanos(System.nanoTime() - start);
            assertTrue(spent.compareTo(Futex.LONGEST_SLEEP.multipliedBy(4)) < 0, spent.toString());
            assertFalse(ours.sleeps(1));
        }
    }

    private static void awaitSleep(Segment segment, int rank) {
        while (!segment.sleeps(rank)) {
            Thread.onSpinWait();
        }
    }

    @Test
    void shouldTellWhetherAnyRankFoundAnOverflow() throws IOException {
        try (Segment ours = Segment.create(LAYOUT, "run", 1);
                Segment theirs = Segment.open(ours.path(), LAYOUT, "run", 1)) {
            ours.publishProgress(1, 7);
            assertFalse(theirs.overflow(3));
            ours.publishOverflow(1, true);
            assertTrue(theirs.overflow(3));
            assertTrue(theirs.overflow(2));
            assertFalse(theirs.overflow(1), "rank 1 is not among the first");
            assertEquals(7, theirs.progress(1));
            ours.publishOverflow(1, false);
            assertFalse(theirs.overflow(3));
        }
    }

    @Test
    void shouldShareTheLossScale() throws IOException {
        try (Segment ours = Segment.create(LAYOUT, "run", 1);
                Segment theirs = Segment.open(ours.path(), LAYOUT, "run", 1)) {
            LossScale scale = new LossScale(32768.0, 12, 3);
            ours.publishLossScale(scale);
            assertEquals(scale, theirs.lossScale());
            assertFalse(theirs.aborted());
            assertThrows(IllegalArgumentException.class, () -> new LossScale(Double.NaN, 0, 0));
            assertThrows(IllegalArgumentException.class, () -> new LossScale(0, 0, 0));
        }
    }

    @Test
    void shouldRefuseAnotherMeasurementsSegment() throws IOException {
        try (Segment ours = Segment.create(LAYOUT, "run", 1)) {
            assertThrows(IOException.class, () -> Segment.open(ours.path(), LAYOUT, "run", 2));
            assertThrows(IOException.class, () -> Segment.open(ours.path(), LAYOUT, "other", 1));
            SegmentLayout other = new SegmentLayout(3, 10, 3 * 32 * 32, 35, 1001, 77);
            assertThrows(IOException.class, () -> Segment.open(ours.path(), other, "run", 1));
        }
    }

    @Test
    void shouldBeGoneOnceClosed() throws IOException {
        Path path;
        Object file;
        try (Segment ours = Segment.create(LAYOUT, "run", 1)) {
            path = ours.path();
            file = fileAt(path);
            assertNotNull(file);
            assertEquals(LAYOUT.size(), Files.size(path));
        }
        assertNotEquals(file, fileAt(path));
    }

    /**
     * Which file a path leads to; null when to none. A segment's path names a descriptor, whose number the next file that this process
     * opens may get: that there is something does not say that it is still the segment.
     */
    private static Object fileAt(Path path) throws IOException {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class).fileKey();
        } catch (NoSuchFileException e) {
            return null;
        }
    }

    @Test
    void shouldRejectARankThatIsNotThere() throws IOException {
        try (Segment ours = Segment.create(LAYOUT, "run", 1)) {
            assertThrows(IndexOutOfBoundsException.class, () -> ours.publishProgress(3, 1));
            assertThrows(IndexOutOfBoundsException.class, () -> ours.gradients(3));
            assertThrows(IndexOutOfBoundsException.class, () -> ours.inputs(2, 0, 1));
        }
    }
}
