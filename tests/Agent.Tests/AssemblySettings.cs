// The tests wait for sockets most of the time, and each has addresses of its own: more at once than there are cores.
[assembly: CollectionBehavior(MaxParallelThreads = 4)]
