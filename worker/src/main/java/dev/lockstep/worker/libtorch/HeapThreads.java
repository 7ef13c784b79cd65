package dev.lockstep.worker.libtorch;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * Threads that may allocate tensors. glibc gives each thread one of its arenas, and only the first, which lies in the process's heap
 * proper, can grow by large blocks. A process for replicas has many arenas (docs/adr/0009), so that what Java's compilers and the
 * network allocate lies in the others and does not break up the memory between a step's tensors; the thread that trains must then have
 * the first. Which one a thread gets cannot be chosen, but it can be seen.
 */
public final class HeapThreads {
    /** Twice as many as there are arenas, which go round. */
    private static final int MOST_CANDIDATES = 64;

    private HeapThreads() {}

    /** A thread that has an arena already, and waits to hear whether it is taken. */
    private static final class Candidate {
        final CompletableFuture<Boolean> fits = new CompletableFuture<>();
        final CompletableFuture<Boolean> taken = new CompletableFuture<>();
        final Thread thread;

        Candidate(String name, Runnable task) {
            thread = new Thread(
                    () -> {
                        fits.complete(LibC.allocatesInHeap());
                        if (taken.join()) {
                            task.run();
                        }
                    },
                    name);
            thread.setDaemon(true);
            thread.start();
        }
    }

    /**
     * Starts a daemon thread of which {@link LibC#allocatesInHeap} is true; of which it is not, where none is to be had: another
     * allocator than glibc's has no such arenas.
     */
    public static Thread start(String name, Runnable task) {
        List<Candidate> candidates = new ArrayList<>();
        boolean found;
        do {
            Candidate candidate = new Candidate(name, task);
            candidates.add(candidate);
            found = candidate.fits.join();
        } while (!found && candidates.size() < MOST_CANDIDATES);
        // Those that are left end only now: an arena without threads would be given to the next candidate.
        Candidate last = candidates.remove(candidates.size() - 1);
        candidates.forEach(candidate -> candidate.taken.complete(false));
        last.taken.complete(true);
        return last.thread;
    }
}
