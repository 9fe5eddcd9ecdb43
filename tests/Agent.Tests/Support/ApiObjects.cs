using System.Text;
using Agent.Kubernetes.Tests.Support;

namespace Agent.Tests.Support;

/// <summary>The kube-dns Service and its endpoints as an API server has them, and the way to that server.</summary>
internal static class ApiObjects
{
    public static string KubeDns(params string[] clusterIPs) => $$$"""
        {"apiVersion":"v1","kind":"Service","metadata":{"name":"kube-dns","namespace":"kube-system"},"spec":{
         "clusterIP":"{{{clusterIPs[0]}}}","clusterIPs":[{{{Quoted(clusterIPs)}}}],"ports":[
         {"name":"dns","port":53,"protocol":"UDP","targetPort":"dns"},{"name":"dns-tcp","port":53,"protocol":"TCP","targetPort":"dns-tcp"},
         {"name":"metrics","port":9153,"protocol":"TCP","targetPort":9153}]}}
        """;

    public static string Service(string name, string clusterIP) => $$$"""
        {"apiVersion":"v1","kind":"Service","metadata":{"name":"{{{name}}}","namespace":"default"},"spec":{
         "clusterIP":"{{{clusterIP}}}","clusterIPs":["{{{clusterIP}}}"],"ports":[{"name":"http","port":80,"protocol":"TCP"}]}}
        """;

    /// <param name="addresses">Of one family; <c>!</c> before one that is not ready.</param>
    public static string KubeDnsSlice(string name, int port, params string[] addresses) => $$$"""
        {"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"{{{name}}}","namespace":"kube-system",
         "labels":{"kubernetes.io/service-name":"kube-dns"}},"addressType":"{{{(addresses.Any(address => address.Contains(':')) ? "IPv6" : "IPv4")}}}",
         "ports":[{"name":"dns","port":{{{port}}},"protocol":"UDP"},{"name":"dns-tcp","port":{{{port}}},"protocol":"TCP"},{"name":"metrics","port":9153,"protocol":"TCP"}],
         "endpoints":[{{{string.Join(",", addresses.Select(EndpointOf))}}}]}
        """;

    public static string Kubeconfig(ApiServer server) => $"""
        apiVersion: v1
        kind: Config
        current-context: test
        contexts: [ {Mapping("name: test, context: " + Mapping("cluster: test, user: test"))} ]
        clusters: [ {Mapping("name: test, cluster: " + Mapping($"server: \"{server.Url}\", certificate-authority-data: {Convert.ToBase64String(Encoding.ASCII.GetBytes(server.Certificates.AuthorityPem))}"))} ]
        users: [ {Mapping("name: test, user: " + Mapping($"token: {ApiServer.Token}"))} ]
        """;

    private static string Mapping(string content) => "{ " + content + " }";

    private static string EndpointOf(string address)
    {
        string conditions = address.StartsWith('!') ? """{"ready":false}""" : """{"ready":true}""";
        return "{\"addresses\":[\"" + address.TrimStart('!') + "\"],\"conditions\":" + conditions + "}";
    }

    private static string Quoted(string[] texts) => string.Join(",", texts.Select(text => $"\"{text}\""));
}
