using System.Text;
using Ascl.Core.Diagnostics;

namespace Ascl.Distributed.Tests;

/// <summary>What ranks do together.</summary>
public sealed class CommunicatorTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void GatherGivesEveryRankTheBytesOfAll(int ranks)
    {
        ThreadCommunicator.Run(ranks, communicator =>
        {
            for (int round = 0; round < 3; round++)
            {
                string own = new('a', communicator.Rank * 1000 + round);
                string[] all = communicator.Gather(own);
                Assert.Equal(Enumerable.Range(0, ranks).Select(rank => rank * 1000 + round), all.Select(text => text.Length));
            }
            Assert.Equal("from 0", Encoding.UTF8.GetString(communicator.Broadcast(Encoding.UTF8.GetBytes($"from {communicator.Rank}"))));
            Assert.True(communicator.Any(communicator.Rank == ranks - 1));
            Assert.False(communicator.Any(false));
        });
    }

    [Fact]
    public void AnErrorOnOneRankIsEveryRanksError()
    {
        string[] messages = new string[3];
        ThreadCommunicator.Run(3, communicator =>
        {
            communicator.ShareHosts();
            messages[communicator.Rank] = Assert.Throws<CollectiveErrorException>(() => communicator.Together(() =>
                communicator.Rank == 1 ? throw new UserErrorException("images.tar: there is no such file") : 7)).Message;
            Assert.Equal(7, communicator.Together(() => 7));
        });
        Assert.All(messages, message => Assert.Equal($"rank 1 ({Environment.MachineName}): images.tar: there is no such file", message));
    }

    [Fact]
    public void ADifferenceNamesRankAndFact()
    {
        ThreadCommunicator.Run(3, communicator =>
        {
            communicator.RequireSame([("version", "0.2.0"), ("data", "abc")]);
            var error = Assert.Throws<CollectiveErrorException>(() =>
                communicator.RequireSame([("version", "0.2.0"), ("data", communicator.Rank == 2 ? "abd" : "abc")]));
            Assert.Equal("rank 2: data differs from rank 0's: abd, not abc", error.Message);
        });
    }

    [Fact]
    public void ARankThatDoesNotAnswerIsNamed()
    {
        using ManualResetEventSlim given = new();
        var error = Assert.Throws<AggregateException>(() => ThreadCommunicator.Run(2, communicator =>
        {
            if (communicator.Rank == 0)
            {
                try
                {
                    communicator.Gather("here");
                }
                finally
                {
                    given.Set();
                }
            }
            given.Wait();
        }, TimeSpan.FromSeconds(0.2)));
        Assert.Equal("nothing from rank 1 for 0 s", Assert.Single(error.InnerExceptions).Message);
    }

    [Fact]
    public void AFailedRankEndsTheOthers()
    {
        var error = Assert.Throws<AggregateException>(() => ThreadCommunicator.Run(3, communicator =>
        {
            if (communicator.Rank == 2)
                throw new UserErrorException("disk full");
            communicator.Gather("waits for rank 2");
        }));
        Assert.Equal("disk full", Assert.Single(error.InnerExceptions).Message);
    }
}
